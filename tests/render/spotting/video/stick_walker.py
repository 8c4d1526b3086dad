"""Pose tracks of the walking figure of ``examples/walker_film``, seen by a camera from any side."""

import numpy as np
from walker import body_at

from render.spotting.video.pose_track import NAMES, PoseTrack


def seen(points, angle, start=(0.0, 0.0), distance=5.0, focal=1000.0, size=(1280, 720)):
    """Project points ``[..., 3]`` of a walker to pixels.

    The camera looks at the middle of the way. At 0 degrees the walker crosses the picture, at 90 it comes near.
    """
    turn = np.radians(angle)
    x, y, z = np.moveaxis(points, -1, 0)
    x, y = x - start[0], y - start[1]
    across, near = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    depth = distance - near
    return np.stack([size[0] / 2 + focal * across / depth, size[1] / 2 + focal * (1.1 - z) / depth], axis=-1)


def track(gait, fps, angle, seconds=6.0, noise=0.0035, hidden=(), confused=(), person=1, seed=0):
    """Return the pose track of a walker.

    Args:
        gait: how it walks.
        fps: frames a second.
        angle: of the camera, in degrees.
        seconds: length.
        noise: standard deviation, as a share of the figure's height in the picture.
        hidden: (begin, end) in s, where nobody is seen.
        confused: (begin, end) in s, where left and right are exchanged.
        person: its number.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    frames = np.arange(int(seconds * fps))
    times = frames / float(fps)
    world = np.stack([body_at(time, gait) for time in times])
    points = seen(
        world,
        angle,
        (gait.speed * seconds / 2, 0.0),
        distance=max(5.0, gait.speed * seconds / 2 * abs(np.sin(np.radians(angle))) + 4),
    )
    heights = np.ptp(points[..., 1], axis=1)[:, None, None]
    points = points + noise * heights * rng.standard_normal(points.shape)
    swap = [NAMES.index(name.replace("left", "x").replace("right", "left").replace("x", "right")) for name in NAMES]
    for begin, end in confused:
        where = (times >= begin) & (times < end)
        points[where] = points[where][:, swap]
    keep = ~np.any([(times >= begin) & (times < end) for begin, end in hidden], axis=0) if hidden else times >= 0
    return PoseTrack(person, frames[keep], times[keep], points[keep], np.full((int(keep.sum()), len(NAMES)), 0.95))
