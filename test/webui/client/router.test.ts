import { describe, expect, test } from 'vitest';
import { pagePaths, readRoute } from '../../../firmware/webui/client/router.tsx';

describe('an address and its page', () => {
  test.each(Object.entries(pagePaths))('%s is %s', (page, pathname) => {
    expect(readRoute({ pathname, search: '' }).page).toBe(page);
  });

  test.each(['/nothing', '/network/', '/Network', '//', ''])('%j has none of its own', (pathname) => {
    expect(readRoute({ pathname, search: '' }).page).toBe('overview');
  });

  test('what is filtered and opened stands in the query', () => {
    const { page, query } = readRoute({ pathname: '/overlay', search: '?peer=K%C3%B6ln&find=a+b' });
    expect([page, query.get('peer'), query.get('find')]).toEqual(['overlay', 'Köln', 'a b']);
  });
});
