/** An answer of the simulator, read by the plainest client there is. */
export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; amounts beyond 2^53 lose digits here, as they would in any plain JSON client. */
  body: Body;
}

export interface Body {
  data: Record<string, unknown>[] & Record<string, Record<string, unknown>>;
  context: Record<string, unknown>;
}

/** Sends a GET (or, with a form, a POST) and reads the whole answer. */
export async function ask(
  url: string,
  options: { headers?: Record<string, string>; form?: string; signal?: AbortSignal } = {},
): Promise<Asked> {
  const response = await fetch(url, {
    headers: options.headers ?? {},
    signal: options.signal ?? null,
    ...(options.form === undefined ? {} : { method: 'POST', body: options.form }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) as Body };
}

/** The body as any JSON value, for the services that do not wrap theirs. */
export async function askJson<T>(url: string, headers: Record<string, string> = {}): Promise<T> {
  const { text } = await ask(url, { headers });
  return JSON.parse(text) as T;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
