import { Navigate } from 'react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../api/query.js';
import { EmptyState } from '../components/EmptyState.js';
import { PageLoader } from '../components/PageLoader.js';
import { ErrorState } from '../components/ErrorState.js';
import { projectPath, rememberedProject } from '../session/project.js';
import { inBackground } from '../inBackground.js';

/** The project used last, else the first one. */
export function HomePage(): ReactNode {
  const { t } = useTranslation();
  const projects = useRead('projects.list', { query: { limit: 500 } });
  if (projects.error) return <ErrorState error={projects.error} onRetry={() => inBackground(projects.refetch())} />;
  if (!projects.data) return <PageLoader />;
  const before = rememberedProject();
  const chosen = projects.data.items.find((project) => project.slug === before) ?? projects.data.items[0];
  if (chosen) return <Navigate to={projectPath(chosen.slug)} replace />;
  return <EmptyState title={t('home.noProject')} hint={t('home.noProjectHint')} />;
}

export const ToOverview = (): ReactNode => <Navigate to="overview" replace />;
