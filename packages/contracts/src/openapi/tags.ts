/** What each group of operations is about. */
import type { Json } from './json.js';

const descriptions: Record<string, string> = {
  access: 'Login, sessions, API tokens, projects and who belongs to them.',
  users: 'Users, as administrators see them.',
  audit: 'Who did what.',
  blobs: 'Bytes, stored under their digest.',
  datasets: 'Data sets, whose files are blobs.',
  models: 'Models, their versions, and what each was made from.',
  trainings: 'Trainings and their progress.',
  recipes: 'Compression recipes.',
  compressions: 'Compressions of a version for a class of devices.',
  evaluations: 'Evaluations of a version on a data set.',
  workers: 'Processes that take jobs from the queue.',
  jobs: 'Trainings, compressions and evaluations together.',
  artifacts: 'What was built for a class of devices.',
  releases: 'Artifacts that people signed offline, and their metadata.',
  devices: 'Devices, and the tokens with which they enrol.',
  groups: 'Groups of devices.',
  rollouts: 'How a release reaches a group, wave by wave.',
  telemetry: 'What devices have reported, and what of it cannot be true.',
  overview: 'What matters now, and what changes.',
};

/** @throws Error for a tag that nobody described */
export function tagsOf(used: readonly string[]): Json[] {
  return [...new Set(used)].sort().map((name) => {
    const description = descriptions[name];
    if (!description) throw new Error(`the tag ${name} has no description`);
    return { name, description };
  });
}
