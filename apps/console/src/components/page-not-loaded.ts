/** The code of a page could not be loaded: the network is away, or a proxy refuses it. */
export class PageNotLoaded extends Error {
  override readonly name = 'PageNotLoaded';
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
