import { Checkbox, PasswordInput, TextInput } from '@mantine/core';
import type { User } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange } from '../../api/query.js';
import { FormDialog } from '../../components/FormDialog.js';
import { MIN_PASSWORD } from '../account/ChangePassword.js';

export function CreateUser({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const create = useChange('users.create');
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [administrator, setAdministrator] = useState(false);
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('users.create')}
      verb={t('users.create')}
      busy={create.isPending}
      error={create.error}
      disabled={email.trim() === '' || name.trim() === '' || password.length < MIN_PASSWORD}
      onSubmit={() =>
        create.mutate({ body: { email: email.trim(), name, password, administrator } }, { onSuccess: onClose })
      }
    >
      <TextInput
        label={t('users.email')}
        type="email"
        required
        data-autofocus
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <Name value={name} onChange={setName} />
      <Password value={password} onChange={setPassword} />
      <Administrator value={administrator} onChange={setAdministrator} />
    </FormDialog>
  );
}

export function EditUser({ user, onClose }: { user: User; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const update = useChange('users.update', ['auth', 'members']);
  const [name, setName] = useState(user.name);
  const [administrator, setAdministrator] = useState(user.administrator);
  const body = {
    ...(name === user.name ? {} : { name }),
    ...(administrator === user.administrator ? {} : { administrator }),
  };
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={user.email}
      verb={t('common.save')}
      busy={update.isPending}
      error={update.error}
      disabled={name.trim() === '' || Object.keys(body).length === 0}
      onSubmit={() => update.mutate({ params: { user: user.id }, body }, { onSuccess: onClose })}
    >
      <Name value={name} onChange={setName} />
      <Administrator value={administrator} onChange={setAdministrator} />
    </FormDialog>
  );
}

export function ResetPassword({ user, onClose }: { user: User; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const reset = useChange('users.resetPassword', ['sessions', 'tokens']);
  const [password, setPassword] = useState('');
  const [revokeTokens, setRevokeTokens] = useState(false);
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={`${t('users.reset')}: ${user.email}`}
      verb={t('users.reset')}
      busy={reset.isPending}
      error={reset.error}
      disabled={password.length < MIN_PASSWORD}
      onSubmit={() =>
        reset.mutate({ params: { user: user.id }, body: { password, revokeTokens } }, { onSuccess: onClose })
      }
    >
      <Password value={password} onChange={setPassword} />
      <Checkbox
        label={t('users.revokeTokens')}
        checked={revokeTokens}
        onChange={(event) => setRevokeTokens(event.currentTarget.checked)}
      />
    </FormDialog>
  );
}

interface TextProps {
  value: string;
  onChange: (text: string) => void;
}

function Name({ value, onChange }: TextProps): ReactNode {
  const { t } = useTranslation();
  return (
    <TextInput
      label={t('users.name')}
      required
      maxLength={120}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function Password({ value, onChange }: TextProps): ReactNode {
  const { t } = useTranslation();
  const short = value !== '' && value.length < MIN_PASSWORD;
  return (
    <PasswordInput
      label={t('login.password')}
      description={t('users.passwordHint')}
      autoComplete="new-password"
      required
      value={value}
      error={short && t('account.tooShort', { count: MIN_PASSWORD })}
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': t('login.showPassword') }}
    />
  );
}

function Administrator({ value, onChange }: { value: boolean; onChange: (on: boolean) => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Checkbox
      label={t('users.administrator')}
      description={t('users.administratorHint')}
      checked={value}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}
