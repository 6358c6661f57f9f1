/** `import`: a model that PyTorch wrote as a model of this program. */

import { basename } from "@std/path";
import { toKebabCase } from "@std/text";
import { describeSettings } from "./describe.ts";
import { IMPORT } from "../options/exchange.ts";
import { flagOf, type Given, readOptions } from "../options/option.ts";
import { LOSS, MODEL, RUN } from "../options/options.ts";
import { MODEL_FOLDER, type ModelSettings } from "../options/settings.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { checkFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { lockModel } from "../storage/lock.ts";
