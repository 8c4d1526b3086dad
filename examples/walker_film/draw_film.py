"""Draw a film of half a minute, and write down when its events happen.

A walker comes over grass, stops on the stone floor in front of a house, a door opens, the walker drops a cup, the door
closes, and the walker leaves. The film has no sound. ``python draw_film.py scene.mp4 events.csv``
"""

import csv
import sys
from pathlib import Path

import av
import cv2
import numpy as np
from walker import NAMES, Gait, body_at, contacts_of

SIZE, RATE, LENGTH_S, START = (1280, 720), 24, 28, "01:00:00:00"
PIXELS_PER_M, GROUND_Y, EDGE_X = 215.0, 620.0, 470
GAIT = Gait(speed=1.1, cadence=1.75, stance=0.63, lift=45)
STOP_S = 7.4 / GAIT.cadence + 0.13
"""The walker's own time at which both feet stand on the floor."""
BEGIN_S, STAND_UNTIL_S = 1.0, 19.0
FIRST_X = -0.5
DOOR = (1010, 1130, 190, 560)
"""Free edge, hinge, top and bottom in pixels."""
OPENS_S, OPEN_S, CLOSES_S, CLOSED_S = 8.0, 8.9, 15.0, 15.5
DROP_S, HAND_M, CUP_M = 12.0, 1.0, 0.05
FALL_S = float(np.sqrt(2 * (HAND_M - CUP_M) / 9.81))
SHIFT = 4


def main(film: str, events: str) -> None:
    """Write the film and its events."""
    ground = backdrop()
    with av.open(film, "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(LENGTH_S * RATE):
            picture = draw(ground, number / RATE)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open(events, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", "event"])
        rows.writerows([f"{seconds:.4f}", event] for seconds, event in true_events())


def true_events() -> list[tuple[float, str]]:
    """Return (seconds, event) of all that happens in the picture, in order."""
    stood = STAND_UNTIL_S - BEGIN_S - STOP_S
    steps = []
    for own, foot in contacts_of(GAIT, LENGTH_S):
        seconds = BEGIN_S + own + (stood if own > STOP_S else 0)
        x = to_pixels((FIRST_X + GAIT.speed * own + 0.5, 0))[0]
        if 20 < x < SIZE[0] - 20:
            steps.append((seconds, f"step {foot}"))
    others = [(OPENS_S, "door opens"), (CLOSED_S, "door closes"), (DROP_S + FALL_S, "drop")]
    return sorted([*steps, *others])


def own_time(seconds: float) -> float:
    """Return the walker's time, which stands still while the walker does."""
    if seconds < BEGIN_S:
        return 0.0
    walked = min(seconds - BEGIN_S, STOP_S)
    return walked + max(0.0, seconds - STAND_UNTIL_S)


def to_pixels(point: tuple[float, float]) -> tuple[float, float]:
    """Return where a place (x and height in m) is in the picture."""
    return point[0] * PIXELS_PER_M, GROUND_Y - point[1] * PIXELS_PER_M


def backdrop() -> np.ndarray:
    """Return the picture without what moves, BGR: sky, house, grass and stone."""
    rng = np.random.default_rng(1)
    picture = np.empty((SIZE[1], SIZE[0], 3), np.float32)
    picture[:] = np.linspace((228, 196, 150), (240, 226, 205), SIZE[1])[:, None]
    cv2.ellipse(picture, (180, 520), (420, 190), 0, 180, 360, (120, 150, 110), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (620, 520), (330, 130), 0, 180, 360, (132, 164, 128), -1, cv2.LINE_AA)
    picture[520:, :EDGE_X] = (62, 142, 92)
    picture[520:, EDGE_X:] = (150, 152, 156)
    for row in range(520, 720, 40):
        for column in range(EDGE_X + (row // 40 % 2) * 45, SIZE[0], 90):
            cv2.rectangle(picture, (column, row), (column + 90, row + 40), (122, 124, 128), 2)
    picture[90:560, 760:] = (150, 186, 208)
    cv2.rectangle(picture, (760, 90), (1280, 112), (70, 84, 130), -1)
    for row in range(130, 560, 26):
        cv2.line(picture, (760, row), (1280, row), (138, 174, 196), 1)
    cv2.rectangle(picture, (815, 210), (935, 350), (90, 110, 120), -1)
    cv2.rectangle(picture, (823, 218), (927, 342), (190, 170, 120), -1)
    cv2.line(picture, (875, 218), (875, 342), (90, 110, 120), 6)
    left, right, top, bottom = DOOR
    cv2.rectangle(picture, (left - 10, top - 10), (right + 10, bottom), (80, 96, 110), -1)
    cv2.rectangle(picture, (left, top), (right, bottom), (30, 30, 36), -1)
    picture[540:560, EDGE_X:] *= 0.9
    noise = cv2.GaussianBlur(rng.normal(0, 1, picture.shape[:2]).astype(np.float32), (0, 0), 1.2)
    picture += noise[..., None] * np.where(np.arange(SIZE[1]) > 520, 26, 8)[:, None, None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw(ground: np.ndarray, seconds: float) -> np.ndarray:
    """Return the picture at a time."""
    picture = ground.copy()
    draw_door(picture, seconds)
    own = own_time(seconds)
    x = to_pixels((FIRST_X + GAIT.speed * own, 0))[0]
    if -150 < x < SIZE[0] + 150:
        draw_walker(picture, own, seconds)
    draw_cup(picture, seconds)
    return picture


def draw_door(picture: np.ndarray, seconds: float) -> None:
    """Draw the door, which turns inward about its right edge."""
    left, right, top, bottom = DOOR
    share = np.interp(seconds, [OPENS_S, OPEN_S, CLOSES_S, CLOSED_S], [0, 1, 1, 0])
    angle = np.radians(72) * (share if seconds > OPEN_S else np.sin(share * np.pi / 2))
    free, inward = right - (right - left) * np.cos(angle), 26 * np.sin(angle)
    corners = [(free, top + inward), (right, top), (right, bottom), (free, bottom - inward)]
    fill(picture, corners, (52, 86, 150))
    for begin, end in ((0.08, 0.46), (0.54, 0.92)):

        def at(across: float, down: float) -> tuple[float, float]:
            x = right - (right - free) * across
            y_top, y_bottom = top + inward * across, bottom - inward * across
            return x, y_top + (y_bottom - y_top) * down

        fill(picture, [at(0.85, begin), at(0.15, begin), at(0.15, end), at(0.85, end)], (42, 70, 124))
    knob = (right - (right - free) * 0.92, (top + bottom) / 2 + 10)
    cv2.circle(picture, fixed(knob), 5 << SHIFT, (110, 200, 220), -1, cv2.LINE_AA, SHIFT)


def draw_walker(picture: np.ndarray, own: float, seconds: float) -> None:
    """Draw the walker: the far limbs, the body, the near limbs."""
    marks = dict(zip(NAMES, body_at(own, GAIT), strict=True))
    place = {name: np.array(to_pixels((mark[0] + FIRST_X, mark[2]))) for name, mark in marks.items()}
    shadow = to_pixels((float(marks["left hip"][0]) + FIRST_X, 0))
    under = picture.copy()
    cv2.ellipse(
        under,
        fixed((shadow[0], GROUND_Y + 8)),
        (95 << SHIFT, 13 << SHIFT),
        0,
        0,
        360,
        (60, 66, 60),
        -1,
        cv2.LINE_AA,
        SHIFT,
    )
    cv2.addWeighted(under, 0.5, picture, 0.5, 0, picture)
    hold = seconds < DROP_S + 0.4
    for side, shirt, trousers, shoe in (
        ("left", (70, 70, 150), (92, 72, 58), (36, 34, 46)),
        ("right", (88, 88, 186), (120, 94, 76), (40, 40, 60)),
    ):
        shoulder, hip, knee, ankle, heel, toe = (
            place[f"{side} {part}"] for part in ("shoulder", "hip", "knee", "ankle", "heel", "toe")
        )
        if side == "right":
            body = (place["left shoulder"] + shoulder) / 2, (place["left hip"] + hip) / 2
            draw_trunk(picture, *body)
        limb(picture, hip, knee, 19, 15, trousers)
        limb(picture, knee, ankle, 14, 9, trousers)
        limb(picture, heel + (2, -6), toe + (-4, -5), 8, 5, shoe)
        limb(picture, ankle, heel + (6, -7), 8, 8, shoe)
        hand = hand_of(side, own, place, hold)
        elbow = (shoulder + hand) / 2 + (-14, 12)
        limb(picture, shoulder + (0, 8), elbow, 12, 9, shirt)
        limb(picture, elbow, hand, 9, 6, (150, 178, 224))
        cv2.circle(picture, fixed(hand), 8 << SHIFT, (150, 178, 224), -1, cv2.LINE_AA, SHIFT)


def draw_trunk(picture: np.ndarray, shoulders: np.ndarray, hips: np.ndarray) -> None:
    """Draw trunk, neck and head."""
    limb(picture, shoulders + (0, 10), hips + (0, -8), 27, 22, (80, 80, 170))
    limb(picture, hips + (0, -14), hips, 22, 21, (108, 84, 68))
    limb(picture, shoulders + (2, -30), shoulders, 9, 11, (140, 168, 214))
    head = shoulders + (5, -56)
    cv2.ellipse(picture, fixed(head), (21 << SHIFT, 27 << SHIFT), 0, 0, 360, (150, 178, 224), -1, cv2.LINE_AA, SHIFT)
    cv2.ellipse(
        picture, fixed(head + (-5, -7)), (21 << SHIFT, 23 << SHIFT), 0, 95, 330, (40, 56, 80), -1, cv2.LINE_AA, SHIFT
    )
    fill(picture, [head + (19, -4), head + (27, 6), head + (18, 7)], (140, 168, 214))
    cv2.circle(picture, fixed(head + (11, -4)), 3 << SHIFT, (40, 40, 40), -1, cv2.LINE_AA, SHIFT)
    cv2.line(picture, fixed(head + (10, 14)), fixed(head + (18, 13)), (90, 90, 170), 2, cv2.LINE_AA, SHIFT)


def hand_of(side: str, own: float, place: dict[str, np.ndarray], hold: bool) -> np.ndarray:
    """Return where a hand is: the right one holds the cup, the left one swings against its leg."""
    hip, shoulder = place[f"{side} hip"], place[f"{side} shoulder"]
    if side == "right" and hold:
        return np.array([hip[0] + 0.33 * PIXELS_PER_M, GROUND_Y - HAND_M * PIXELS_PER_M])
    swing = (place[f"{side} knee"][0] - hip[0]) * -0.9
    return np.array([shoulder[0] + swing + 8, shoulder[1] + 0.56 * PIXELS_PER_M])


def draw_cup(picture: np.ndarray, seconds: float) -> None:
    """Draw the cup: in the hand, falling, or on the ground."""
    own = min(own_time(seconds), STOP_S) if seconds > DROP_S else own_time(seconds)
    x = FIRST_X + GAIT.speed * own + 0.36
    fallen = np.clip(seconds - DROP_S, 0, FALL_S)
    x_pixels, y = to_pixels((x, HAND_M - 9.81 * fallen**2 / 2))
    fill(
        picture,
        [(x_pixels - 10, y - 12), (x_pixels + 10, y - 12), (x_pixels + 8, y + 11), (x_pixels - 8, y + 11)],
        (244, 244, 248),
    )
    cv2.ellipse(
        picture,
        fixed((x_pixels + 11, y - 1)),
        (6 << SHIFT, 7 << SHIFT),
        0,
        -90,
        90,
        (244, 244, 248),
        3,
        cv2.LINE_AA,
        SHIFT,
    )


def limb(picture: np.ndarray, begin: np.ndarray, end: np.ndarray, wide: float, thin: float, colour: tuple) -> None:
    """Draw a limb that is ``wide`` pixels at its beginning and ``thin`` at its end, from its middle line."""
    along = (end - begin) / max(1e-6, float(np.hypot(*(end - begin))))
    across = np.array([-along[1], along[0]])
    fill(picture, [begin + across * wide, begin - across * wide, end - across * thin, end + across * thin], colour)
    for point, radius in ((begin, wide), (end, thin)):
        cv2.circle(picture, fixed(point), round(radius * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)


def fill(picture: np.ndarray, corners: list, colour: tuple) -> None:
    """Fill a polygon; its corners may lie between pixels."""
    cv2.fillPoly(picture, [np.array([fixed(corner) for corner in corners])], colour, cv2.LINE_AA, SHIFT)


def fixed(point: tuple[float, float] | np.ndarray) -> tuple[int, int]:
    """Return a point in sixteenths of a pixel."""
    return round(float(point[0]) * (1 << SHIFT)), round(float(point[1]) * (1 << SHIFT))


if __name__ == "__main__":
    main(*map(str, map(Path, sys.argv[1:3])))
