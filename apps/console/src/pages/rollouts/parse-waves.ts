import { Wave } from '@verge/contracts';

/** Waves as people write them: "1, 10%, 100%". @returns null when a part is neither a number of devices nor a percentage */
export function parseWaves(text: string): Wave[] | null {
  const parts = text.split(/[,，、\s]+/).filter(Boolean);
  const waves = parts.map((part) => {
    const match = /^([0-9]+(?:\.[0-9]+)?)(%|％)?$/.exec(part);
    if (!match) return null;
    const parsed = Wave.safeParse(match[2] ? { percent: Number(match[1]) } : { devices: Number(match[1]) });
    return parsed.success ? parsed.data : null;
  });
  const valid = waves.filter((wave) => wave !== null);
  return parts.length > 0 && valid.length === parts.length ? valid : null;
}
