import { Alert, Button, Group, PasswordInput, Stack } from '@mantine/core';
import { useState, type ReactNode, type SubmitEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange } from '../../api/query.js';
import { ErrorDetail } from '../../components/ErrorState.js';
import { Panel } from '../../components/Panel.js';

/** The server says the same; told here, it is told while one types. */
export const MIN_PASSWORD = 10;

export function ChangePassword(): ReactNode {
  const { t } = useTranslation();
  const change = useChange('auth.changePassword', ['sessions']);
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const short = password !== '' && password.length < MIN_PASSWORD;
  const differs = again !== '' && again !== password;
  const ready = current !== '' && password.length >= MIN_PASSWORD && again === password;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const empty = (): void => [setCurrent, setPassword, setAgain].forEach((set) => set(''));
    change.mutate({ body: { current, password } }, { onSuccess: empty });
  };
  return (
    <Panel title={t('account.password')} note={t('account.passwordNote')}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm" maw={420}>
          <Field label={t('account.current')} name="current-password" value={current} onChange={setCurrent} />
          <Field
            label={t('account.new')}
            name="new-password"
            value={password}
            onChange={setPassword}
            error={short && t('account.tooShort', { count: MIN_PASSWORD })}
          />
          <Field
            label={t('account.again')}
            name="new-password"
            value={again}
            onChange={setAgain}
            error={differs && t('account.differs')}
          />
          {change.error && (
            <Alert color="red" variant="outline" role="alert">
              <ErrorDetail error={change.error} />
            </Alert>
          )}
          {change.isSuccess && (
            <Alert color="green" variant="outline" role="status">
              {t('account.changed')}
            </Alert>
          )}
          <Group>
            <Button type="submit" loading={change.isPending} disabled={!ready}>
              {t('account.change')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

interface FieldProps {
  label: string;
  name: 'current-password' | 'new-password';
  value: string;
  onChange: (text: string) => void;
  error?: string | false;
}

function Field({ label, name, value, onChange, error }: FieldProps): ReactNode {
  const { t } = useTranslation();
  return (
    <PasswordInput
      label={label}
      autoComplete={name}
      required
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
    />
  );
}
