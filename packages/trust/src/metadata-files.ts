/**
 * TUF metadata as a repository serves it: file name to bytes. With consistent snapshots the names are
 * `<version>.root.json`, `<version>.snapshot.json`, `<version>.targets.json` and `timestamp.json`.
 */
export type MetadataFiles = Map<string, Uint8Array>;
