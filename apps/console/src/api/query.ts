/** Reading and changing through TanStack Query: keys are [noun, operation, arguments], so that a noun invalidates all its views. */
import { ApiError, type ResponseOf, type RouteName, type Routes } from '@verge/contracts';
import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type UseQueryResult,
} from '@tanstack/react-query';
import { useLiveState } from '../live/useLive.js';
import { client, type CallArguments } from './client.js';
import { sessionExpired } from '../session/expiry.js';
import { inBackground } from '../inBackground.js';

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (isUnauthenticated(error) && query.queryKey[0] !== 'auth') sessionExpired();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && (!(error instanceof ApiError) || error.status >= 500),
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4_000),
    },
    mutations: {
      onError: (error) => {
        if (isUnauthenticated(error)) sessionExpired();
      },
    },
  },
});

export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** What is asked for is not there, or its name cannot be one: asking again gives nothing else. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 422);
}

export const nounOf = (name: RouteName): string => name.split('.')[0] ?? name;

interface ReadOptions {
  enabled?: boolean;
  /** Milliseconds between refreshes while the page is not live; while it is, they are slow. */
  every?: number | false;
  /** No event tells of it: it is read as often while the page is live. */
  untold?: boolean;
  /** Shows the previous answer while a changed question is asked. */
  keep?: boolean;
}

/** While events tell what changes, only what changes with the time alone must be read again: a window that moves, a device gone quiet. */
const SLOW_MS = 60_000;

function useEvery(options: ReadOptions): (query: { state: { error: Error | null } }) => number | false {
  const live = useLiveState().state === 'live';
  const { every = false } = options;
  const paced = live && every !== false && !options.untold ? Math.max(every, SLOW_MS) : every;
  return (query) => (isGone(query.state.error) ? false : paced);
}

export function queryKeyOf<N extends RouteName>(name: N, args: CallArguments<N>): readonly unknown[] {
  return [nounOf(name), name, args];
}

/** One answer of an operation. */
export function useRead<N extends RouteName>(
  name: N,
  args: CallArguments<N>,
  options: ReadOptions = {},
): UseQueryResult<ResponseOf<Routes[N]>, Error> {
  const every = useEvery(options);
  return useQuery({
    queryKey: queryKeyOf(name, args),
    queryFn: ({ signal }) => client.call(name, { ...args, signal }),
    enabled: options.enabled ?? true,
    refetchInterval: every,
    placeholderData: options.keep ? keepPreviousData : undefined,
  });
}

/** Operations that answer a page at a time. */
export type Paged = {
  [N in RouteName]: ResponseOf<Routes[N]> extends { items: readonly unknown[]; total: number } ? N : never;
}[RouteName];
export type ItemOf<N extends RouteName> = ResponseOf<Routes[N]> extends { items: readonly (infer T)[] } ? T : never;

interface Page {
  items: readonly unknown[];
  nextCursor: string | null;
  total: number;
}

export interface Pages<T> {
  /** The rows read so far: never all of them, unless there is no more. */
  items: readonly T[];
  /** How many rows match, read or not. */
  total: number;
  isPending: boolean;
  error: Error | null;
  refetch: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
}

/** The pages read so far of a list, with the next one on request. */
export function usePages<N extends Paged>(
  name: N,
  args: CallArguments<N>,
  options: ReadOptions = {},
): Pages<ItemOf<N>> {
  const every = useEvery(options);
  const query = useInfiniteQuery({
    queryKey: [...queryKeyOf(name, args), 'pages'],
    queryFn: async ({ signal, pageParam }): Promise<Page> => {
      const before = (args as { query?: Record<string, unknown> }).query;
      const asked = { ...args, query: { ...before, ...(pageParam ? { cursor: pageParam } : {}) }, signal };
      return (await client.call(name, asked as CallArguments<N>)) as Page;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    enabled: options.enabled ?? true,
    refetchInterval: every,
    placeholderData: options.keep ? keepPreviousData : undefined,
  });
  return {
    items: (query.data?.pages.flatMap((page) => page.items) ?? []) as ItemOf<N>[],
    total: query.data?.pages.at(-1)?.total ?? 0,
    isPending: query.isPending,
    error: query.error,
    refetch: () => inBackground(query.refetch()),
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: () => inBackground(query.fetchNextPage()),
  };
}

/** A change; the nouns it touches are read again when it is done. */
export function useChange<N extends RouteName>(name: N, touches: readonly string[] = []) {
  const cache = useQueryClient();
  return useMutation<ResponseOf<Routes[N]>, Error, CallArguments<N>>({
    mutationFn: (args) => client.call(name, args),
    onSuccess: async () => {
      const nouns = [nounOf(name), 'overview', 'audit', ...touches];
      await Promise.all(nouns.map((noun) => cache.invalidateQueries({ queryKey: [noun] })));
    },
  });
}
