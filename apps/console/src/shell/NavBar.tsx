import { ScrollArea, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { NavLink } from 'react-router';
import { useProject } from '../session/project.js';
import { useUser } from '../session/session.js';
import { administratorPages, pages, sections, type PageName } from './navigation.js';
import classes from './shell.module.css';

export function NavBar({ onNavigate }: { onNavigate: () => void }): ReactNode {
  const { t } = useTranslation();
  const project = useProject();
  const { administrator } = useUser();
  const shown = (name: PageName): boolean => administrator || !administratorPages.has(name);
  return (
    <ScrollArea type="auto" scrollbarSize={6} h="100%">
      {sections.map((section) => (
        <div key={section.id} className={classes.section}>
          <Text component="h2" className={classes.heading} id={`nav-${section.id}`}>
            {t(`nav.section.${section.id}`)}
          </Text>
          <ul aria-labelledby={`nav-${section.id}`} className={classes.list}>
            {section.pages.filter(shown).map((name) => {
              const Icon = pages[name].icon;
              return (
                <li key={name}>
                  <NavLink to={project.to(`/${name}`)} className={classes.link ?? ''} onClick={onNavigate}>
                    <Icon size={17} stroke={1.6} aria-hidden />
                    <span>{t(`nav.${name}`)}</span>
                  </NavLink>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </ScrollArea>
  );
}
