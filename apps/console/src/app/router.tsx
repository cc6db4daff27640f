/** Addresses and their pages; each page's code is loaded when it is first visited. */
import type { ReactNode } from 'react';
import { createBrowserRouter, useRouteError, type RouteObject } from 'react-router';
import { ErrorState } from '../components/ErrorState.js';
import { RequireSession } from '../session/session.js';
import { ProjectShell } from '../shell/Shell.js';
import { lazyPage as page } from './lazy-page.js';

/** The last resort: an error outside every page. */
function RouteError(): ReactNode {
  const error = useRouteError();
  return (
    <ErrorState
      error={error instanceof Error ? error : new Error(String(error))}
      onRetry={() => window.location.reload()}
    />
  );
}

const projectPages: RouteObject[] = [
  { path: 'overview', element: page('OverviewPage', () => import('../pages/overview/OverviewPage.js')) },
  { path: 'telemetry', element: page('TelemetryPage', () => import('../pages/telemetry/TelemetryPage.js')) },
  { path: 'datasets', element: page('DatasetsPage', () => import('../pages/datasets/DatasetsPage.js')) },
  { path: 'datasets/:dataset', element: page('DatasetPage', () => import('../pages/datasets/DatasetPage.js')) },
  { path: 'trainings', element: page('TrainingsPage', () => import('../pages/trainings/TrainingsPage.js')) },
  { path: 'trainings/compare', element: page('ComparePage', () => import('../pages/trainings/ComparePage.js')) },
  { path: 'trainings/:training', element: page('TrainingPage', () => import('../pages/trainings/TrainingPage.js')) },
  { path: 'models', element: page('ModelsPage', () => import('../pages/models/ModelsPage.js')) },
  { path: 'models/:model', element: page('ModelPage', () => import('../pages/models/ModelPage.js')) },
  { path: 'versions/:version', element: page('VersionPage', () => import('../pages/models/VersionPage.js')) },
  { path: 'recipes', element: page('RecipesPage', () => import('../pages/recipes/RecipesPage.js')) },
  { path: 'recipes/:recipe', element: page('RecipePage', () => import('../pages/recipes/RecipePage.js')) },
  {
    path: 'compressions',
    element: page('CompressionsPage', () => import('../pages/compressions/CompressionsPage.js')),
  },
  {
    path: 'compressions/:compression',
    element: page('CompressionPage', () => import('../pages/compressions/CompressionPage.js')),
  },
  { path: 'jobs', element: page('JobsPage', () => import('../pages/jobs/JobsPage.js')) },
  { path: 'workers', element: page('WorkersPage', () => import('../pages/workers/WorkersPage.js')) },
  { path: 'releases', element: page('ReleasesPage', () => import('../pages/releases/ReleasesPage.js')) },
  { path: 'releases/:release', element: page('ReleasePage', () => import('../pages/releases/ReleasePage.js')) },
  { path: 'rollouts', element: page('RolloutsPage', () => import('../pages/rollouts/RolloutsPage.js')) },
  { path: 'rollouts/:rollout', element: page('RolloutPage', () => import('../pages/rollouts/RolloutPage.js')) },
  { path: 'devices', element: page('DevicesPage', () => import('../pages/devices/DevicesPage.js')) },
  { path: 'devices/:device', element: page('DevicePage', () => import('../pages/devices/DevicePage.js')) },
  { path: 'groups', element: page('GroupsPage', () => import('../pages/groups/GroupsPage.js')) },
  { path: 'audit', element: page('AuditPage', () => import('../pages/audit/AuditPage.js')) },
  { path: 'members', element: page('MembersPage', () => import('../pages/members/MembersPage.js')) },
  { path: 'storage', element: page('StoragePage', () => import('../pages/storage/StoragePage.js')) },
  { path: 'users', element: page('UsersPage', () => import('../pages/users/UsersPage.js')) },
  { path: 'account', element: page('AccountPage', () => import('../pages/account/AccountPage.js')) },
  { path: '*', element: page('NotFoundPage', () => import('../pages/NotFoundPage.js')) },
];

const top: RouteObject[] = [
  { path: '/login', element: page('LoginPage', () => import('../pages/login/LoginPage.js')) },
  {
    path: '/',
    element: <RequireSession>{page('HomePage', () => import('../pages/HomePage.js'))}</RequireSession>,
  },
  {
    path: '/p/:project',
    element: (
      <RequireSession>
        <ProjectShell />
      </RequireSession>
    ),
    children: [{ index: true, element: page('ToOverview', () => import('../pages/HomePage.js')) }, ...projectPages],
  },
  { path: '*', element: page('NotFoundPage', () => import('../pages/NotFoundPage.js')) },
];

export const router = createBrowserRouter([{ errorElement: <RouteError />, children: top }]);
