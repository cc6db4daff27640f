/** Fold BatchNormalization into Conv and ConvTranspose, constants into constants. */
import { z } from 'zod';

export const FoldPass = z.strictObject({ pass: z.literal('fold') });
