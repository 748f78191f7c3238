/**
 * Backward of the two norms: the gradient of x, and the sums of gradients of gain and bias, added to in place. With n the normalised x
 * (before gain and bias) and g = dy * gain: dx = (g - mean(g) - n mean(g n)) / deviation for layer norm, without mean(g) for RMS norm;
 * dgain += sum over rows of dy * n; dbias += sum over rows of dy.
 *   layerNormBackward  x[T, M], gain[M], dy[T, M], dgain[M], dbias[M] -> dx[T, M]
 *   rmsNormBackward    x[T, M], gain[M], dy[T, M], dgain[M] -> dx[T, M]
 */
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

function normBackward(name: string, sums: readonly string[]): Op<{ eps: number }> {
  return {
    name,
    outputs(inputs) {
      const x = input(name, inputs, 0);
      expect(name, x, [-1, -1], 'x[T, M]');
      const width = [axis(name, x, 1)];
      expect(name, input(name, inputs, 1), width, 'gain[M]');
      expect(name, input(name, inputs, 2), x.shape, 'dy[T, M]');
      sums.forEach((sum, i) => {
        expect(name, input(name, inputs, 3 + i), width, `${sum}[M]`);
      });
      return [{ shape: x.shape }];
    },
    mutates: (inputs) => inputs.slice(3),
  };
}

export const layerNormBackward = normBackward('layerNormBackward', ['dgain', 'dbias']);
export const rmsNormBackward = normBackward('rmsNormBackward', ['dgain']);
