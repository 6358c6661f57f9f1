/** Recurrent layers on top of each other. */

import type { Evaluation, Oracle } from "./oracle.ts";

/** Layers of four weights each, each fed with the output of the one below: x, then the lowest's weights. */
export function stack(layers: number, layer: (number: number) => Oracle): Oracle {
  return (x, ...weights) => {
    const evaluated: Evaluation[] = [];
    for (let l = 0; l < layers; l++) {
      const input = evaluated.at(-1)?.output ?? x;
      evaluated.push(layer(l)(input, ...weights.slice(4 * l, 4 * l + 4)));
    }
    return {
      output: evaluated.at(-1)!.output,
      backward: (dOutput) => {
        const gradients: Float64Array[] = [];
        let d = dOutput;
        for (const one of evaluated.toReversed()) {
          const [dInput, ...dWeights] = one.backward(d);
          gradients.unshift(...dWeights), d = dInput!;
        }
        return [d, ...gradients];
      },
    };
  };
}
