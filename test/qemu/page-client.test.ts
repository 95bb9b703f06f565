import { afterAll, beforeAll, expect, test } from 'vitest';
import { HarnessError } from '../../qemu/harness-error.ts';
import { PageClient } from '../../qemu/page-client.ts';
import { startTestBox, type TestBox } from '../webui/test-box.ts';

let box: TestBox;
beforeAll(async () => {
  box = await startTestBox();
});
afterAll(() => box.close());

test('a page’s client claims, signs in, confirms and changes as a browser does', async () => {
  const owner = new PageClient(box.httpsPort);
  expect((await owner.status()).claimed).toBe(false);
  await owner.claim(box.ui.claim.code() ?? '', 'correct horse battery');
  expect((await owner.status()).claimed).toBe(true);
  expect((await owner.post('/api/v1/config/draft', { discard: true })).statusCode).toBe(200);
  await expect(new PageClient(box.httpsPort).status()).rejects.toThrow(HarnessError);
  const again = new PageClient(box.httpsPort);
  await expect(again.signIn('admin', 'wrong password')).rejects.toThrow('wrong-password');
  await again.signIn('admin', 'correct horse battery');
  expect((await again.get('/api/v1/config?secrets=shown')).statusCode).toBe(403);
  await again.confirmPassword('correct horse battery');
  expect((await again.get('/api/v1/config?secrets=shown')).statusCode).toBe(200);
});
