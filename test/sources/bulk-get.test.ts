import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { chunksOf } from '../../activities/bulk/get';

test('a reader that rests longer than a host may be silent loses nothing', async () => {
  const body = new PassThrough();
  for (const text of ['one', 'two', 'three']) body.write(text);
  body.end();
  let read = '';
  for await (const chunk of chunksOf(body, 30)) {
    read += chunk.toString();
    await sleep(100);
  }
  expect(read).toBe('onetwothree');
});

test('a host that is silent while one waits is given up', async () => {
  const body = new PassThrough();
  body.write('one');
  const read = async () => {
    for await (const chunk of chunksOf(body, 50)) void chunk;
  };
  await expect(read()).rejects.toThrow('no byte for 0.05 s');
  expect(body.destroyed).toBe(true);
});
