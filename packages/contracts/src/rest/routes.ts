/** Every operation of the REST API, by name. */
import { accessRoutes } from './access.js';
import { auditRoutes } from './audit.js';
import { catalogRoutes } from './catalog.js';
import { fleetRoutes } from './fleet.js';
import { liveRoutes } from './live.js';
import { projectRoutes } from './projects.js';
import { releaseRoutes } from './releases.js';
import { rolloutRoutes } from './rollouts.js';
import { storageRoutes } from './storage.js';
import { telemetryRoutes } from './telemetry.js';
import { userRoutes } from './users.js';
import { workRoutes } from './work.js';
import { workerRoutes } from './workers.js';

export const routes = {
  ...accessRoutes,
  ...userRoutes,
  ...projectRoutes,
  ...auditRoutes,
  ...catalogRoutes,
  ...workRoutes,
  ...workerRoutes,
  ...releaseRoutes,
  ...fleetRoutes,
  ...rolloutRoutes,
  ...telemetryRoutes,
  ...storageRoutes,
  ...liveRoutes,
};
export type Routes = typeof routes;
export type RouteName = keyof Routes;
