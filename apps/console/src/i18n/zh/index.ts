/** Simplified Chinese. */
import { account, members, users } from './access.js';
import type { Catalogue } from '../en/index.js';
import { alarms, audit, overview, start, telemetry } from './watch.js';
import { compressions, datasets, jobs, lineage, models, recipes, trainings, workers } from './build.js';
import {
  chart,
  common,
  editor,
  home,
  login,
  measure,
  missing,
  nav,
  notFound,
  problem,
  role,
  shell,
  state,
  unsaved,
  work,
} from './frame.js';
import { deleting, storage } from './deleting.js';
import { devices, groups, releases, rollouts } from './ship.js';

export const zh: Catalogue = {
  account,
  alarms,
  audit,
  chart,
  common,
  compressions,
  datasets,
  deleting,
  devices,
  editor,
  groups,
  home,
  jobs,
  lineage,
  login,
  measure,
  members,
  missing,
  models,
  nav,
  notFound,
  overview,
  problem,
  recipes,
  releases,
  role,
  rollouts,
  shell,
  start,
  state,
  storage,
  telemetry,
  trainings,
  unsaved,
  users,
  work,
  workers,
};
