/** Filters live in the address: they survive a reload, and a link carries them. */
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

export function useAddressState(): [(name: string) => string, (name: string, value: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const get = useCallback((name: string) => params.get(name) ?? '', [params]);
  const set = useCallback(
    (name: string, value: string | null) =>
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          if (value) after.set(name, value);
          else after.delete(name);
          return after;
        },
        { replace: true },
      ),
    [setParams],
  );
  return [get, set];
}
