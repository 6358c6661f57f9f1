/** WGSL read token by token, to see whether two texts are the same program. */

/** Blankspace, a comment (block comments may be nested), or a token, at its very place. */
const BLANK = /[\p{Pattern_White_Space}]+/uy;
const LINE_COMMENT = /\/\/[^\n\v\f\r\u0085\u2028\u2029]*/y;
const TOKEN =
  /[\p{XID_Start}_][\p{XID_Continue}]*|0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?[iufh]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?|<<=|>>=|[-+*/%&|^=!<>]=|->|--|\+\+|&&|\|\||<<|>>|[^\s]/uy;

/** The tokens of `source`, without blanks and comments. */
export function wgslTokens(source: string): string[] {
  const tokens: string[] = [];
  const take = (pattern: RegExp, at: number): number => {
    pattern.lastIndex = at;
    return pattern.test(source) ? pattern.lastIndex : at;
  };
  for (let at = 0; at < source.length;) {
    const end = source.startsWith("/*", at)
      ? endOfBlock(source, at)
      : Math.max(take(BLANK, at), take(LINE_COMMENT, at));
    if (end > at) {
      at = end;
    } else {
      const next = take(TOKEN, at);
      tokens.push(source.slice(at, next));
      at = next;
    }
  }
  return tokens;
}

/** Where the block comment ends that begins at `start`. */
function endOfBlock(source: string, start: number): number {
  let depth = 0, at = start;
  do {
    if (source.startsWith("/*", at)) depth++, at += 2;
    else if (source.startsWith("*/", at)) depth--, at += 2;
    else at++;
  } while (depth > 0 && at < source.length);
  return at;
}
