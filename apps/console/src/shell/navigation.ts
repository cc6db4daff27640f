/** The pages of a project, in the order of the left navigation, with the second key of their `g` shortcut. */
import {
  IconAdjustments,
  IconArrowsMinimize,
  IconBox,
  IconChartHistogram,
  IconClipboardList,
  IconCpu,
  IconDatabase,
  IconDeviceDesktop,
  IconFolders,
  IconGauge,
  IconListCheck,
  IconRocket,
  IconSchool,
  IconServer,
  IconShieldCheck,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';

export const sections = [
  { id: 'watch', pages: ['overview', 'telemetry'] },
  { id: 'build', pages: ['datasets', 'trainings', 'models', 'recipes', 'compressions', 'jobs', 'workers'] },
  { id: 'ship', pages: ['releases', 'rollouts', 'devices', 'groups'] },
  { id: 'govern', pages: ['members', 'audit', 'users', 'storage'] },
] as const;

export type PageName = (typeof sections)[number]['pages'][number];

export const pages: Record<PageName, { icon: typeof IconGauge; key: string }> = {
  overview: { icon: IconGauge, key: 'o' },
  telemetry: { icon: IconChartHistogram, key: 'y' },
  datasets: { icon: IconDatabase, key: 'a' },
  trainings: { icon: IconSchool, key: 't' },
  models: { icon: IconBox, key: 'm' },
  recipes: { icon: IconAdjustments, key: 'e' },
  compressions: { icon: IconArrowsMinimize, key: 'c' },
  jobs: { icon: IconListCheck, key: 'j' },
  workers: { icon: IconCpu, key: 'w' },
  releases: { icon: IconShieldCheck, key: 's' },
  rollouts: { icon: IconRocket, key: 'r' },
  devices: { icon: IconDeviceDesktop, key: 'd' },
  groups: { icon: IconFolders, key: 'g' },
  members: { icon: IconUsersGroup, key: 'b' },
  audit: { icon: IconClipboardList, key: 'l' },
  users: { icon: IconUsers, key: 'u' },
  storage: { icon: IconServer, key: 'k' },
};
/** Pages that only administrators of the control plane have. */
export const administratorPages: ReadonlySet<PageName> = new Set(['users', 'storage']);
export const pageNames = Object.keys(pages) as PageName[];
