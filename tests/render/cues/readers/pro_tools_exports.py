"""Pro Tools text exports for tests."""

HEAD = (
    "SESSION NAME:\tReel 1\nSAMPLE RATE:\t{hz}\nBIT DEPTH:\t24-bit\nSESSION START TIMECODE:\t{start}\n"
    "TIMECODE FORMAT:\t{rate} Frame\n# OF AUDIO TRACKS:\t1\n# OF AUDIO CLIPS:\t1\n# OF AUDIO FILES:\t1\n\n\n"
)
COLUMNS = (
    "CHANNEL \tEVENT   \tCLIP NAME                     \tSTART TIME    \tEND TIME      \tDURATION      \t{more}STATE\n"
)
MARKERS = (
    "M A R K E R S  L I S T I N G\n#   \tLOCATION     \tTIME REFERENCE    \tUNITS    \t"
    "NAME                             \tTRACK NAME                       \tTRACK TYPE   \tCOMMENTS\n"
)
OLD_MARKERS = MARKERS.replace("TRACK NAME                       \tTRACK TYPE   \t", "")
NDF = {"rate": "24", "start": "01:00:00:00", "hz": "48000.000000"}


def track(*events: str, name: str = "Feet", comments: str = "", state: str = "", more: str = "") -> str:
    lines = f"TRACK NAME:\t{name}\nCOMMENTS:\t{comments}\nUSER DELAY:\t0 Samples\nSTATE: {state}\nPLUG-INS: \n"
    return lines + COLUMNS.format(more=more) + "".join(f"{event}\n" for event in events) + "\n\n"


def event(name: str, start: str, end: str, channel: int = 1, number: int = 1, state: str = "Unmuted", more: str = ""):
    return f"{channel}       \t{number}       \t{name:30}\t{start:>14}\t{end:>14}\t   00:00:00:01\t{more}{state}"


def export(*tracks: str, markers: str = "", **header: str) -> str:
    return HEAD.format(**NDF | header) + "T R A C K  L I S T I N G\n" + "".join(tracks) + markers
