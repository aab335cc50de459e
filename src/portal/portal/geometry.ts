/** From encoded lines and points on the globe to a flat picture. */

export interface Point {
  latitude: number;
  longitude: number;
}

const PRECISION = 1e6;

/** The points of an encoded polyline with six decimals; what breaks off in the middle is left out. */
export function decodePolyline(line: string): Point[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of line) {
    const chunk = letter.charCodeAt(0) - 63;
    // Multiplied, not shifted: longitudes with six decimals come close to 32 bits.
    value += (chunk & 0x1f) * 2 ** shift;
    shift += 5;
    if (chunk < 0x20) {
      numbers.push(value % 2 === 1 ? -(value + 1) / 2 : value / 2);
      value = 0;
      shift = 0;
    }
  }
  const points: Point[] = [];
  let latitude = 0;
  let longitude = 0;
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    latitude += numbers[index] ?? 0;
    longitude += numbers[index + 1] ?? 0;
    points.push({ latitude: latitude / PRECISION, longitude: longitude / PRECISION });
  }
  return points;
}

export interface Picture {
  width: number;
  height: number;
  place: (point: Point) => [x: number, y: number];
}

/** A picture that holds all points: north is up, and distances are true enough for a town. */
export function pictureOf(points: readonly Point[], width: number, height: number, margin: number): Picture {
  const latitudes = points.map(({ latitude }) => latitude);
  const longitudes = points.map(({ longitude }) => longitude);
  const [south, north] = [smallest(latitudes), -smallest(latitudes.map((value) => -value))];
  const [west, east] = [smallest(longitudes), -smallest(longitudes.map((value) => -value))];
  const narrowing = Math.cos(((south + north) / 2) * (Math.PI / 180));
  const scale = Math.min(
    (width - 2 * margin) / Math.max((east - west) * narrowing, 1e-4),
    (height - 2 * margin) / Math.max(north - south, 1e-4),
  );
  const left = (width - (east - west) * narrowing * scale) / 2;
  const top = (height - (north - south) * scale) / 2;
  return {
    width,
    height,
    place: ({ latitude, longitude }) => [
      left + (longitude - west) * narrowing * scale,
      top + (north - latitude) * scale,
    ],
  };
}

function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}
