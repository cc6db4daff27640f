/** A walk through every page of the console, as a browser sees it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

export interface Target {
  url: string;
  email: string;
  password: string;
}

export interface Look {
  language: 'en' | 'zh';
  scheme: 'light' | 'dark';
  width: number;
  height: number;
}

/** Pages with their heading in each language, and where the first row of a list leads. */
export const lists = {
  overview: { en: 'Fleet overview', zh: '设备群总览' },
  telemetry: { en: 'Telemetry', zh: '遥测' },
  datasets: { en: 'Data sets', zh: '数据集' },
  trainings: { en: 'Trainings', zh: '训练' },
  models: { en: 'Models', zh: '模型' },
  recipes: { en: 'Compression recipes', zh: '压缩方案' },
  compressions: { en: 'Compressions', zh: '压缩' },
  jobs: { en: 'Jobs', zh: '任务' },
  workers: { en: 'Workers', zh: '工作节点' },
  releases: { en: 'Releases', zh: '发布包' },
  rollouts: { en: 'Rollouts', zh: '部署' },
  devices: { en: 'Devices', zh: '设备' },
  groups: { en: 'Groups', zh: '设备组' },
  members: { en: 'Members', zh: '成员' },
  audit: { en: 'Audit', zh: '审计' },
  users: { en: 'Users', zh: '用户' },
  storage: { en: 'Storage', zh: '存储' },
} as const;
export type ListName = keyof typeof lists;
export const listNames = Object.keys(lists) as ListName[];
/** Lists whose rows have a page of their own. */
export const detailed: readonly ListName[] = [
  'datasets',
  'trainings',
  'models',
  'recipes',
  'compressions',
  'releases',
  'rollouts',
  'devices',
];

export interface Visitor {
  page: Page;
  context: BrowserContext;
  /** Errors of the page and of its console, except refused logins, which the browser always prints. */
  errors: string[];
}

export async function visitor(browser: Browser, look: Look): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.scheme,
    reducedMotion: 'reduce',
    locale: look.language === 'zh' ? 'zh-CN' : 'en-GB',
  });
  await context.addInitScript(
    ([language, scheme]) => {
      localStorage.setItem('verge.language', language ?? 'en');
      localStorage.setItem('mantine-color-scheme-value', scheme ?? 'light');
    },
    [look.language, look.scheme],
  );
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 401'))
      errors.push(`${page.url()}: ${message.text()}`);
  });
  return { page, context, errors };
}

/** Logs in by the keyboard alone, from wherever the console asks for it. */
export async function logIn(page: Page, target: Target): Promise<void> {
  await page.locator('input[name="email"]').waitFor();
  await page.locator('input[name="email"]').focus();
  await page.keyboard.type(target.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(target.password);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname !== '/login');
  await settled(page);
}

/** Until nothing on the page is still being read. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelector('.mantine-Skeleton-root') === null);
  await page.waitForTimeout(120);
}

export async function goTo(page: Page, target: Target, path: string): Promise<void> {
  await page.goto(target.url + path);
  await settled(page);
}

/** Goes on to another page without loading the console anew, as a link does. Wait for what tells that page from the one before. */
export async function goOn(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);
}

/** Violations of WCAG 2 A and AA that axe-core calls serious or critical, as "rule: element". */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const checker = (globalThis as unknown as { axe: typeof axe }).axe;
    const result = await checker.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return result.violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .flatMap((violation) =>
        violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`),
      );
  });
}

/** How far the page is wider than its window, in pixels. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

export async function screenshot(page: Page, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Opens a page through the navigation, which a phone first has to unfold. */
export async function openList(page: Page, name: ListName): Promise<void> {
  const link = page.locator(`nav a[href$="/${name}"]`);
  const burger = page.locator('.mantine-Burger-root');
  if (await burger.isVisible()) {
    await burger.click();
    await page.locator('.mantine-Burger-burger[data-opened]').waitFor();
  }
  await link.click();
  await page.waitForURL((url) => url.pathname.endsWith(`/${name}`));
  await settled(page);
}

/** Opens one's own account through the menu of the user. */
export async function openAccount(page: Page): Promise<void> {
  await page.locator('header button[aria-haspopup="menu"]').last().click();
  await page.locator('[role="menu"] a[href$="/account"]').click();
  await page.waitForURL((url) => url.pathname.endsWith('/account'));
  await settled(page);
}

/** Chooses the first two trainings and compares them. @returns false when there are fewer */
export async function compareTwo(page: Page): Promise<boolean> {
  const boxes = page.locator('tbody input[type="checkbox"]');
  if ((await boxes.count()) < 2) return false;
  await boxes.nth(0).check();
  await boxes.nth(1).check();
  await page.locator('main button').first().click();
  await page.waitForURL((url) => url.pathname.endsWith('/compare'));
  await settled(page);
  return true;
}

/** Follows the link of a list's first row. @returns false when the list is empty */
export async function openFirstRow(page: Page): Promise<boolean> {
  const link = page.locator('tbody tr a').first();
  // The rows may come a moment after the page has settled.
  await link.waitFor({ timeout: 5000 }).catch(() => undefined);
  if ((await link.count()) === 0) return false;
  const before = new URL(page.url()).pathname;
  await link.click();
  await page.waitForURL((url) => url.pathname !== before);
  await settled(page);
  return true;
}
