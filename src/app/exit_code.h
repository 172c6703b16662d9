// The exit statuses of the program. Contract 80 §1, §8.
#pragma once

namespace capture::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  ///< something that is needed cannot be reached or used
inline constexpr int kExitUsage = 2;    ///< the command line is wrong
inline constexpr int kExitConfig = 78;  ///< the configuration is wrong (EX_CONFIG)

}  // namespace capture::app
