"""Final Cut Pro 7 XML files for tests."""

AGAIN = '<sequence id="n"/>'


def rate(timebase: int, ntsc: str = "FALSE") -> str:
    return f"<rate><timebase>{timebase}</timebase><ntsc>{ntsc}</ntsc></rate>"


def clip(name: str, start: int, end: int, more: str = "", first: int = 0, identity: str = "") -> str:
    places = f"<start>{start}</start><end>{end}</end><in>{first}</in><out>{first + 99}</out>"
    return f'<clipitem id="{identity}"><name>{name}</name>{places}{more}</clipitem>'


def link(identity: str, kind: str = "audio") -> str:
    return f"<link><linkclipref>{identity}</linkclipref><mediatype>{kind}</mediatype></link>"


def fade(start: int, end: int, alignment: str) -> str:
    places = f"<start>{start}</start><end>{end}</end><alignment>{alignment}</alignment>"
    return f"<transitionitem>{places}<effect><name>Cross Fade</name></effect></transitionitem>"


def xmeml(audio: str = "", video: str = "", base: str = rate(25), timecode: str | None = None, more: str = "") -> str:
    """A file of one sequence that starts at 10:00:00:00, 25 frames a second, if nothing else is stated."""
    if timecode is None:
        timecode = "<string>10:00:00:00</string><frame>900000</frame><displayformat>NDF</displayformat>"
    timecode = f"<timecode>{base}{timecode}</timecode>" if timecode else ""
    media = f"<media><video>{video}</video><audio>{audio}</audio></media>"
    sequence = f'<sequence id="s"><name>R1</name>{base}{media}{timecode}{more}</sequence>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n<xmeml version="4">{sequence}</xmeml>'
