import { z } from 'zod';
import { amount, count } from '../numbers';

/** /stats: milliseconds, seen as a float too; the figures are read one by one. */
export const stats = z.looseObject({ timestamp: amount.pipe(z.string().regex(/^\d+$/)).transform(Number) });

/** /charts/{name}: seconds; the figure is read on its own. */
export const chart = z.object({ values: z.array(z.unknown()) });
export const point = z.looseObject({ x: count });
