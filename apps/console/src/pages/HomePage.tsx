import { Navigate } from 'react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../api/query.js';
import { EmptyState } from '../components/EmptyState.js';
import { PageLoader } from '../components/PageLoader.js';
import { ErrorState } from '../components/ErrorState.js';
import { projectPath, rememberedProject } from '../session/project.js';
import { inBackground } from '../inBackground.js';

/** The project used last, else the newest. */
export function HomePage(): ReactNode {
  const { t } = useTranslation();
  const before = rememberedProject();
  const last = useRead('projects.get', { params: { project: before ?? '' } }, { enabled: before !== null });
  const projects = useRead('projects.list', { query: { limit: 1, sort: '-createdAt' } });
  if (projects.error) return <ErrorState error={projects.error} onRetry={() => inBackground(projects.refetch())} />;
  if (!projects.data || last.isLoading) return <PageLoader />;
  // The one used last may be gone, or be no longer the caller's.
  const chosen = last.data ?? projects.data.items[0];
  if (chosen) return <Navigate to={projectPath(chosen.slug)} replace />;
  return <EmptyState title={t('home.noProject')} hint={t('home.noProjectHint')} />;
}

export const ToOverview = (): ReactNode => <Navigate to="overview" replace />;
