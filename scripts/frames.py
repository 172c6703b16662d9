"""Where a program's coroutine frames begin. GCC 12 lays some out wrongly: one that has a co_await in the condition of an
`if` whose branch has temporaries, too, begins eight bytes late. Whoever resumes it then runs on what is no frame, and the
process dies on the first await that really waits.

A frame is made where the address of its actor, the function that goes on with it, is stored together with another: that
store has to be the frame's beginning. x86-64 only."""
import re
import subprocess

FUNCTION = re.compile(r"^[0-9a-f]+ <.*>:")
ADDRESS = re.compile(r"\blea\s.*# ([0-9a-f]+) <")
STORE = re.compile(r"\bv?mov(?:dqu|dqa|ups|aps)\s+%xmm\d+,(-?0x[0-9a-f]+)?\(%r\w+\)")
NEAR = 60  # instructions between the two


def actors(program):
    lines = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines()
    fields = (line.split() for line in lines)
    return {int(found[0], 16): found[2] for found in fields if len(found) == 3 and found[2].endswith(".actor")}


def beginnings(program):
    """(actor, offset in the frame) for every place that makes one."""
    known = actors(program)
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, text=True, check=True).stdout
    actor, left = None, 0
    for line in code.splitlines():
        if FUNCTION.match(line):
            actor = None
        elif (address := ADDRESS.search(line)) and int(address[1], 16) in known:
            actor, left = known[int(address[1], 16)], NEAR
        elif actor and (store := STORE.search(line)):
            yield actor, int(store[1] or "0", 16)
            actor = None
        elif actor:
            left -= 1
            actor = actor if left else None
