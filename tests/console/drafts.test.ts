/** What somebody typed is not lost by a key, by a click beside it, by another page, or by a session that ends. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../apps/console/e2e/browser.js';
import { startFixture, type Fixture } from '../../apps/console/e2e/fixture/server.js';
import * as walk from '../../apps/console/e2e/walk.js';
import { buildConsole } from './build-console.js';

const executable = findChromium();
const desktop = { language: 'en', scheme: 'light', width: 1440, height: 900 } as const;
const RECIPE = 'name: mine\npasses:\n  - pass: fold\n  # typed with care\n';

describe.skipIf(!executable)('typed text', () => {
  let fixture: Fixture;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    fixture = await startFixture(buildConsole());
    browser = await launchChromium(executable ?? '');
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
  });
  beforeEach(async () => {
    ({ page, context } = await walk.visitor(browser, desktop));
    await page.goto(`${fixture.url}/p/demo/groups`);
    await walk.logIn(page, fixture);
    await walk.openList(page, 'recipes');
    await page.getByRole('button', { name: 'New recipe' }).first().click();
    await editor().waitFor();
  });
  afterEach(() => context.close());

  const editor = () => page.getByRole('textbox', { name: 'Recipe' });
  const asks = () => page.getByRole('dialog', { name: 'Discard what you typed?' });

  it('of an editor is asked about before it is lost', { timeout: 60_000 }, async () => {
    await editor().fill(RECIPE);
    await page.keyboard.press('Escape');
    await asks().waitFor();
    // Escape answers the question, and not for the worse.
    await page.keyboard.press('Escape');
    await asks().waitFor({ state: 'hidden' });
    expect(await editor().inputValue()).toBe(RECIPE);
    await page.mouse.click(5, 450);
    await asks().getByRole('button', { name: 'Go on editing' }).click();
    await page.evaluate(() => window.history.back());
    await asks().getByRole('button', { name: 'Go on editing' }).click();
    await asks().waitFor({ state: 'hidden' });
    expect(await editor().inputValue()).toBe(RECIPE);
    await page.keyboard.press('Escape');
    await asks().getByRole('button', { name: 'Discard' }).click();
    await editor().waitFor({ state: 'hidden' });
    // Nothing was typed: nothing is asked.
    await page.getByRole('button', { name: 'New recipe' }).first().click();
    await editor().waitFor();
    await page.keyboard.press('Escape');
    await editor().waitFor({ state: 'hidden' });
  });

  it('outlives the session: the login comes on top of it', { timeout: 60_000 }, async () => {
    await editor().fill(RECIPE);
    fixture.endSessions();
    await page.getByRole('button', { name: 'Store' }).click();
    await page.getByText('Your session has ended').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.locator('input[name="email"]').inputValue()).toBe(fixture.email);
    expect(await walk.violations(page)).toEqual([]);
    await walk.logIn(page, fixture);
    await page.getByText('Your session has ended').waitFor({ state: 'hidden' });
    expect(await editor().inputValue()).toBe(RECIPE);
    await page.getByRole('button', { name: 'Store' }).click();
    await page.getByText('You are not logged in').waitFor({ state: 'hidden' });
  });

  it('of a form is asked about, too', { timeout: 60_000 }, async () => {
    await page.keyboard.press('Escape');
    await walk.openList(page, 'groups');
    await page.getByRole('button', { name: 'New group' }).first().click();
    await page.getByRole('textbox', { name: 'Name' }).fill('line-9');
    await page.keyboard.press('Escape');
    await asks().getByRole('button', { name: 'Go on editing' }).click();
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('line-9');
    // It says by itself what it does.
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('textbox', { name: 'Name' }).waitFor({ state: 'hidden' });
  });
});
