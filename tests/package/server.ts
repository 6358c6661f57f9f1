/** Files served on this machine alone. */

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  ts: "text/typescript",
};

/** A server of files, and what was sent to it. */
export interface FileServer extends AsyncDisposable {
  /** Where the files are: `http://127.0.0.1:` and a port. */
  readonly url: string;
  /** The first text that was posted. */
  readonly posted: Promise<string>;
}

/** Serves `files` by their paths: whatever is in a map is found, the rest is not. */
export function serveFiles(files: ReadonlyMap<string, string>): FileServer {
  const posted = Promise.withResolvers<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method === "POST") {
      posted.resolve(await request.text());
      return new Response();
    }
    const path = new URL(request.url).pathname.slice(1), text = files.get(path);
    if (text === undefined) return new Response(null, { status: 404 });
    const type = TYPES[path.split(".").at(-1)!] ?? "text/plain";
    return new Response(text, { headers: { "content-type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    posted: posted.promise,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
