import { AppShell, Burger } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Suspense, useCallback, useEffect, useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useParams } from 'react-router';
import { isGone, useRead } from '../api/query.js';
import { ErrorState } from '../components/ErrorState.js';
import { MissingState } from '../components/MissingState.js';
import { PageLoader } from '../components/PageLoader.js';
import { ProjectContext, projectWith, rememberProject, useProject } from '../session/project.js';
import { ErrorBoundary } from './ErrorBoundary.js';
import { LiveMark } from './LiveMark.js';
import { Logo } from './Logo.js';
import { NavBar } from './NavBar.js';
import { LanguageMenu, SchemeMenu } from './Preferences.js';
import { ProjectSwitcher } from './ProjectSwitcher.js';
import classes from './shell.module.css';
import { ShortcutHelp, useShortcuts } from './shortcuts.js';
import { UserMenu } from './UserMenu.js';
import { inBackground } from '../inBackground.js';

/** A project's pages: asks for the project of the address first. */
export function ProjectShell(): ReactNode {
  const { t } = useTranslation();
  const slug = useParams()['project'] ?? '';
  const project = useRead('projects.get', { params: { project: slug } });
  const current = useMemo(() => (project.data ? projectWith(project.data) : null), [project.data]);
  useEffect(() => {
    if (current) rememberProject(current.slug);
  }, [current]);
  if (current) {
    return (
      <ProjectContext value={current}>
        <Shell />
      </ProjectContext>
    );
  }
  if (isGone(project.error))
    return <MissingState back={{ label: t('notFound.home'), to: '/' }} hint={t('missing.project', { id: slug })} />;
  if (project.error) return <ErrorState error={project.error} onRetry={() => inBackground(project.refetch())} />;
  return <PageLoader />;
}

function Shell(): ReactNode {
  const { t } = useTranslation();
  const [menu, { toggle, close }] = useDisclosure();
  const [help, helpOpen] = useDisclosure();
  const main = useRef<HTMLDivElement>(null);
  const project = useProject();
  const { pathname } = useLocation();
  useShortcuts(useCallback(() => helpOpen.open(), [helpOpen]));
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <AppShell
      header={{ height: 50 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !menu } }}
      padding={0}
    >
      <a
        className={classes.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t('shell.skip')}
      </a>
      <AppShell.Header className={classes.top}>
        <div className={classes.header}>
          <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
          <Link to={project.to('/overview')} className={classes.brand}>
            <Logo />
            <span className={classes.wordmark}>verge</span>
          </Link>
          <span className={classes.slash} aria-hidden>
            /
          </span>
          <ProjectSwitcher />
          <span className={classes.grow} />
          <LiveMark />
          <LanguageMenu />
          <SchemeMenu />
          <UserMenu onShortcuts={helpOpen.open} />
        </div>
      </AppShell.Header>
      <AppShell.Navbar className={classes.nav} aria-label={t('shell.navigation')}>
        <NavBar onNavigate={close} />
      </AppShell.Navbar>
      <AppShell.Main>
        <div className={classes.main} id="main" tabIndex={-1} ref={main}>
          <ErrorBoundary key={pathname}>
            <Suspense fallback={<PageLoader />}>
              <Outlet />
            </Suspense>
          </ErrorBoundary>
        </div>
      </AppShell.Main>
      <ShortcutHelp opened={help} onClose={helpOpen.close} />
    </AppShell>
  );
}
