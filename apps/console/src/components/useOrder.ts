/** The order of a list, in the address: the server sorts, so that the order is of all rows and not of those read so far. */
import type { SortOf } from '@verge/contracts';
import { useAddressState } from './useAddressState.js';

export interface Order<F extends string = string> {
  readonly sort: SortOf<F>;
  readonly set: (sort: string) => void;
}

/** @param fields what the list's route sorts by; an address that names anything else is in the usual order */
export function useOrder<const F extends string>(fields: readonly F[], usual: NoInfer<SortOf<F>>): Order<F> {
  const [get, set] = useAddressState();
  const asked = get('sort');
  const known = fields.some((field) => field === asked.replace(/^-/, ''));
  return {
    sort: known ? (asked as SortOf<F>) : usual,
    set: (sort) => set('sort', sort === usual ? null : sort),
  };
}
