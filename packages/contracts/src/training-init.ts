/** Rules by which the weights of a built-in network are drawn, by the names that the field gives them. */
import { z } from 'zod';

/** `@verge/training` says what each of them draws, with its source. */
export const Initialisation = z
  .enum([
    'default',
    'pytorch',
    'he-normal',
    'he-uniform',
    'glorot-normal',
    'glorot-uniform',
    'lecun-normal',
    'normal',
    'truncated-normal',
    'he-glorot',
  ])
  .meta({ id: 'Initialisation' });
export type Initialisation = z.infer<typeof Initialisation>;
