/**
 * The simplex method of Nelder and Mead (Computer Journal 7, 1965) with the constants, first simplex and ends of scipy.optimize.fmin, so that a fit
 * ends where SciPy's does: reflection 1, expansion 2, contraction and shrinkage 1/2; first steps of 5% (0.00025 from zero).
 */

export interface Minimum {
  readonly x: readonly number[];
  readonly value: number;
  readonly iterations: number;
  readonly evaluations: number;
  /** False when it was ended by the limits of 200 iterations or evaluations per variable. */
  readonly converged: boolean;
}

const TOLERANCE = 1e-4; // of the points and of their values
const LIMIT = 200; // per variable

interface Vertex {
  readonly x: readonly number[];
  readonly value: number;
}

export function nelderMead(f: (x: readonly number[]) => number, start: readonly number[]): Minimum {
  const n = start.length;
  let evaluations = 0;
  const at = (x: readonly number[]): Vertex => {
    evaluations++;
    return { x, value: f(x) };
  };
  const moved = start.map((_, k) => start.map((x, i) => (i !== k ? x : x !== 0 ? 1.05 * x : 0.00025)));
  let simplex = sorted([start, ...moved].map(at));
  let iterations = 1; // SciPy counts so
  const best = () => simplex[0] as Vertex;
  const isDone = () =>
    Math.max(...simplex.slice(1).flatMap(({ x }) => x.map((xi, i) => Math.abs(xi - (best().x[i] as number))))) <=
      TOLERANCE && Math.max(...simplex.slice(1).map(({ value }) => Math.abs(best().value - value))) <= TOLERANCE;
  while (evaluations < LIMIT * n && iterations < LIMIT * n && !isDone()) {
    const worst = simplex[n] as Vertex;
    const others = simplex.slice(0, n);
    const centre = start.map((_, i) => others.reduce((sum, { x }) => sum + (x[i] as number), 0) / n);
    /** On the line from the worst point through the centre: 1 reflects, 2 expands, 1/2 and -1/2 contract. */
    const along = (step: number) => at(centre.map((c, i) => (1 + step) * c - step * (worst.x[i] as number)));
    const better = replacement(along, best(), others.at(-1) as Vertex, worst);
    if (better) simplex = [...others, better];
    else simplex = [best(), ...simplex.slice(1).map(({ x }) => at(x.map((xi, i) => half(xi, best().x[i] as number))))];
    simplex = sorted(simplex);
    iterations++;
  }
  const { x, value } = best();
  return { x, value, iterations, evaluations, converged: isDone() };
}

/** What takes the place of the worst point; undefined when the simplex is to shrink. */
function replacement(along: (step: number) => Vertex, best: Vertex, second: Vertex, worst: Vertex): Vertex | undefined {
  const reflected = along(1);
  if (reflected.value < best.value) {
    const expanded = along(2);
    return expanded.value < reflected.value ? expanded : reflected;
  }
  if (reflected.value < second.value) return reflected;
  if (reflected.value < worst.value) {
    const outside = along(0.5);
    return outside.value <= reflected.value ? outside : undefined;
  }
  const inside = along(-0.5);
  return inside.value < worst.value ? inside : undefined;
}

const half = (x: number, best: number): number => best + 0.5 * (x - best);

/** Of equal values the earlier stays before. */
const sorted = (vertices: readonly Vertex[]): Vertex[] => [...vertices].sort((a, b) => a.value - b.value);
