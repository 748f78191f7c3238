/** The line through points by least squares: its slope, and how far the slope of other samples would probably lie (95 %). */
export function slope(points) {
  const n = points.length;
  if (n < 3) return undefined;
  const mean = (of) => points.reduce((sum, point) => sum + of(point), 0) / n;
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)];
  const sxx = points.reduce((sum, [x]) => sum + (x - mx) * (x - mx), 0);
  const perX = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx;
  const residuals = points.map(([x, y]) => y - my - perX * (x - mx));
  const error = Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0) / (n - 2) / sxx);
  return { perX, within: 1.96 * error, mean: my };
}
