// Colour maps and stretches of the viewer of images.

const MAPS = {
  grey: [[0, 0, 0], [255, 255, 255]],
  inverse: [[255, 255, 255], [0, 0, 0]],
  viridis: [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]],
  inferno: [[0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96], [207, 68, 70], [237, 105, 37], [251, 155, 6], [247, 209, 61], [252, 255, 164]],
  heat: [[0, 0, 0], [128, 0, 0], [255, 64, 0], [255, 192, 0], [255, 255, 255]],
  cool: [[0, 0, 0], [0, 32, 96], [0, 128, 192], [128, 224, 255], [255, 255, 255]],
};
const STRETCHES = {
  linear: t => t,
  sqrt: t => Math.sqrt(t),
  asinh: t => Math.asinh(30 * t) / Math.asinh(30),
  log: t => Math.log1p(1000 * t) / Math.log1p(1000),
};
// Colours of a palette, from the lowest value that is shown to the highest.
export const STEPS = 1024;

export function paletteOf(map, stretch) {
  const stops = MAPS[map], curve = STRETCHES[stretch], found = new Uint32Array(STEPS);
  for (let i = 0; i < STEPS; i++) {
    const place = curve(i / (STEPS - 1)) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2), part = place - low;
    const [r, g, b] = stops[low].map((from, k) => Math.round(from + part * (stops[low + 1][k] - from)));
    found[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return found;
}
