/** Stochastic gradient descent in float64, as PyTorch defines it. */

/** Coefficients of the update. */
export interface ReferenceSGDOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
}

/** Parameters and their moments; the parameters are updated in place. */
export class ReferenceSGD {
  /** Norm of the last step's gradients together, before clipping. */
  norm = 0;
  readonly #parameters: readonly Float64Array[];
  readonly #moments: readonly Float64Array[];
  readonly #options: ReferenceSGDOptions;

  constructor(parameters: readonly Float64Array[], options: ReferenceSGDOptions = {}) {
    this.#parameters = parameters;
    this.#moments = parameters.map((p) => new Float64Array(p.length));
    this.#options = options;
  }

  /** `d = scale g + weightDecay p; m = momentum m + d; p = p - lr m`. */
  step(gradients: readonly Float64Array[], lr: number): void {
    const { momentum = 0, weightDecay = 0, clip = Infinity } = this.#options;
    const squares = gradients.flatMap((gradient) => Array.from(gradient, (g) => g * g));
    this.norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    const scale = Math.min(1, clip / (this.norm + 1e-6));
    this.#parameters.forEach((p, which) => {
      const m = this.#moments[which]!, g = gradients[which]!;
      for (let i = 0; i < p.length; i++) {
        m[i] = momentum * m[i]! + scale * g[i]! + weightDecay * p[i]!;
        p[i]! -= lr * m[i]!;
      }
    });
  }
}
