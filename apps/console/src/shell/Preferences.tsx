import { ActionIcon, Menu, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { IconCheck, IconDeviceLaptop, IconLanguage, IconMoon, IconSun } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, currentLanguage } from '../i18n/index.js';
import { languages } from '../i18n/languages.js';
import { inBackground } from '../inBackground.js';

const names = { en: 'English', zh: '中文' } as const;
const schemes = { light: IconSun, dark: IconMoon, auto: IconDeviceLaptop } as const;

export function LanguageMenu(): ReactNode {
  const { t } = useTranslation();
  const current = currentLanguage();
  return (
    <Menu shadow="md" position="bottom-end">
      <Menu.Target>
        <ActionIcon size="lg" aria-label={t('shell.language')} title={t('shell.language')}>
          <IconLanguage size={18} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {languages.map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            onClick={() => inBackground(chooseLanguage(language))}
            rightSection={language === current ? <IconCheck size={14} aria-label={t('shell.current')} /> : undefined}
          >
            {names[language]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function SchemeMenu(): ReactNode {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Current = schemes[colorScheme];
  return (
    <Menu shadow="md" position="bottom-end">
      <Menu.Target>
        <ActionIcon size="lg" aria-label={t('shell.scheme')} title={t('shell.scheme')}>
          <Current size={18} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(Object.keys(schemes) as MantineColorScheme[]).map((scheme) => {
          const Icon = schemes[scheme];
          return (
            <Menu.Item
              key={scheme}
              leftSection={<Icon size={15} aria-hidden />}
              onClick={() => setColorScheme(scheme)}
              rightSection={
                scheme === colorScheme ? <IconCheck size={14} aria-label={t('shell.current')} /> : undefined
              }
            >
              {t(`shell.schemes.${scheme}`)}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
