/** The libraries that the program loads by computed names: `deno compile` includes what this imports. */

import "@observablehq/plot";
import "linkedom";
