import { createWindow } from '../limits';
import type { Answer, UpstreamRequest } from '../upstream';
import { MINUTE_MS } from '../world/time';
import { rateLimited, statusError } from './errors';

export type Plan = 'keyless' | 'demo' | 'pro';

/** The host of paid keys. */
export const PRO_MOUNT = 'coingecko-pro/api/v3';

/** Calls a minute. Keyless is documented only as dynamic and shared: 5 to 15 were named. */
const PER_MINUTE: Readonly<Record<Plan, number>> = { keyless: 10, demo: 100, pro: 500 };

/** Checks key and rate; hands back the plan, or the answer that refuses the request. */
export type Admit = (request: UpstreamRequest) => { plan: Plan; refusal?: undefined } | { refusal: Answer };

export function createAccess(options: {
  demoKeys: readonly string[];
  proKeys: readonly string[];
  limited: boolean;
}): Admit {
  const windows: Record<Plan, ReturnType<typeof createWindow>> = {
    keyless: createWindow(PER_MINUTE.keyless, MINUTE_MS),
    demo: createWindow(PER_MINUTE.demo, MINUTE_MS),
    pro: createWindow(PER_MINUTE.pro, MINUTE_MS),
  };

  return (request) => {
    const identified = identify(request);
    if ('status' in identified) return { refusal: identified };
    const { plan, caller } = identified;
    const wait = options.limited ? windows[plan].take(caller) : 0;
    return wait > 0 ? { refusal: rateLimited(Math.ceil(wait / 1000)) } : { plan };
  };

  function identify(request: UpstreamRequest): { plan: Plan; caller: string } | Answer {
    const demo = keyOf(request, 'x-cg-demo-api-key', 'x_cg_demo_api_key');
    const pro = keyOf(request, 'x-cg-pro-api-key', 'x_cg_pro_api_key');
    const given = pro ?? demo;
    if (request.mount === PRO_MOUNT) {
      if (given === undefined) return statusError(401, 10002, 'API Key Missing');
      if (options.demoKeys.includes(given))
        return wrongHost(10011, 'Demo', 'pro-api.coingecko.com', 'api.coingecko.com');
      if (pro === undefined) return statusError(401, 10002, 'API Key Missing');
      return options.proKeys.includes(pro) ? { plan: 'pro', caller: pro } : unknownKey;
    }
    if (given === undefined) return { plan: 'keyless', caller: request.client };
    if (pro !== undefined || options.proKeys.includes(given)) {
      return wrongHost(10010, 'Pro', 'api.coingecko.com', 'pro-api.coingecko.com');
    }
    return options.demoKeys.includes(given) ? { plan: 'demo', caller: given } : unknownKey;
  }
}

const unknownKey = statusError(
  401,
  10002,
  'You have provided incorrect API key credentials. Please check your keys in developer dashboard and ensure that your request is authorized',
);

function wrongHost(code: number, kind: string, from: string, to: string): Answer {
  return statusError(
    400,
    code,
    `You have provided incorrect API key credentials. If you are using ${kind} API key, please change your root URL from ${from} to ${to}`,
  );
}

function keyOf(request: UpstreamRequest, header: string, parameter: string): string | undefined {
  const value = request.headers[header] ?? request.query.get(parameter);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
