/** The project in the address, what the caller may do in it, and addresses below it. */
import { roles, type Project, type Role } from '@verge/contracts';
import { createContext, useContext } from 'react';

export interface CurrentProject extends Project {
  /** Whether the caller's role reaches `role`. */
  can: (role: Role) => boolean;
  /** An address below the project. */
  to: (path: string) => string;
}

export const ProjectContext = createContext<CurrentProject | null>(null);

export function projectWith(project: Project): CurrentProject {
  return {
    ...project,
    can: (role) => roles.indexOf(project.role) >= roles.indexOf(role),
    to: (path) => projectPath(project.slug, path),
  };
}

export const projectPath = (slug: string, path = '/overview'): string => `/p/${encodeURIComponent(slug)}${path}`;

export function useProject(): CurrentProject {
  const project = useContext(ProjectContext);
  if (!project) throw new Error('useProject is used outside a project');
  return project;
}

const STORED = 'verge.project';
export const rememberProject = (slug: string): void => window.localStorage.setItem(STORED, slug);
export const rememberedProject = (): string | null => window.localStorage.getItem(STORED);
