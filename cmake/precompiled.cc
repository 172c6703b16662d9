// Has the precompiled headers built (precompiled.cmake).
