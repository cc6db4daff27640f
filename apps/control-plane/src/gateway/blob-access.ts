import type { Pool } from 'pg';

/**
 * Which blobs a project's devices may have: the manifests and files of artifacts that a release of the project names.
 * Artifacts and releases never change, so a yes stays a yes until one is deleted.
 */
export class BlobAccess {
  private readonly allowed = new Set<string>();
  private static readonly most = 100_000;
  private static readonly keptMs = 60_000;
  private forgetAt = 0;

  constructor(private readonly pool: Pool) {}

  async mayRead(projectId: string, digest: string): Promise<boolean> {
    const key = `${projectId} ${digest}`;
    if (Date.now() >= this.forgetAt) {
      this.allowed.clear();
      this.forgetAt = Date.now() + BlobAccess.keptMs;
    }
    if (this.allowed.has(key)) return true;
    const { rows } = await this.pool.query<{ ok: boolean }>({
      name: 'blob-access',
      text: `SELECT EXISTS (
          SELECT 1 FROM artifacts a JOIN release_artifacts r ON r.artifact_id = a.id
          WHERE a.project_id = $1 AND (a.manifest_digest = $2
            OR a.manifest->'files' @> jsonb_build_array(jsonb_build_object('digest', $2::text)))) AS ok`,
      values: [projectId, digest],
    });
    if (!rows[0]?.ok) return false;
    if (this.allowed.size >= BlobAccess.most) this.allowed.clear();
    this.allowed.add(key);
    return true;
  }
}
