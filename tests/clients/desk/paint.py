# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture to attach: the same octets at every call, and something to look at."""

import functools
import io
import random

from PIL import Image, ImageDraw


@functools.lru_cache
def harbour(width=760, height=300):
    """A PNG of about 500 KB: evening light over water, with a boat."""
    noise = random.Random(2008)
    image = Image.new("RGB", (width, height))
    pixels, horizon = image.load(), height * 3 // 5
    for y in range(height):
        for x in range(width):
            if y < horizon:
                t = y / horizon
                colour = (70 + 170 * t, 110 + 70 * t, 170 - 60 * t)
            else:
                t = (y - horizon) / (height - horizon)
                glow = max(0, 1 - abs(x - width * 0.7) / (40 + 220 * t))
                colour = (40 + 150 * glow * (1 - t), 80 + 70 * glow * (1 - t), 120 - 40 * t)
            pixels[x, y] = tuple(int(c) + noise.randrange(-6, 7) for c in colour)
    draw = ImageDraw.Draw(image)
    sun = (int(width * 0.7), horizon - 10)
    draw.ellipse((sun[0] - 26, sun[1] - 26, sun[0] + 26, sun[1] + 26), fill=(255, 222, 150))
    draw.rectangle((0, horizon, width, horizon + 1), fill=(60, 90, 120))
    x, y = int(width * 0.3), horizon + 34
    draw.polygon([(x - 60, y), (x + 60, y), (x + 40, y + 22), (x - 40, y + 22)], fill=(50, 34, 28))
    draw.polygon([(x, y - 92), (x, y - 6), (x + 54, y - 6)], fill=(236, 230, 214))
    draw.polygon([(x - 5, y - 80), (x - 5, y - 6), (x - 40, y - 6)], fill=(214, 204, 186))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
