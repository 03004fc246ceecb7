import { sources } from '../registry';
import { rulesOf } from './rules';

/** The rules of the sources that there are. */
export const rules = rulesOf(sources);
