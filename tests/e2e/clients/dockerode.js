// What users of dockerode do, against the daemon at the socket in argv[2]. Prints "fine" at the end.
const assert = require('assert');
const { PassThrough } = require('stream');
const Docker = require('dockerode');
const docker = new Docker({ socketPath: process.argv[2], version: 'v1.41' });

function collect(stream) {
  return new Promise((resolve) => {
    let out = '';
    let err = '';
    const [first, second] = [new PassThrough(), new PassThrough()];
    first.on('data', (data) => { out += data; });
    second.on('data', (data) => { err += data; });
    docker.modem.demuxStream(stream, first, second);
    stream.on('end', () => resolve([out, err]));
  });
}

async function main() {
  const sink = new PassThrough();
  let text = '';
  sink.on('data', (data) => { text += data; });
  const [end, box] = await docker.run('bb', ['sh', '-c', 'echo hello; exit 3'], sink);
  assert.deepStrictEqual([end.StatusCode, text], [3, 'hello\r\n']);
  await box.remove();

  const started = Math.floor(Date.now() / 1000);
  const web = await docker.createContainer({
    Image: 'bb', name: 'dode', Labels: { a: 'b' }, Cmd: ['sh', '-c', 'while :; do echo tick; sleep 0.1; done'],
  });
  await web.start();
  assert.strictEqual((await web.inspect()).State.Running, true);
  const exec = await web.exec({ Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 5'], AttachStdout: true, AttachStderr: true });
  assert.deepStrictEqual(await collect(await exec.start({ hijack: true, stdin: false })), ['out\n', 'err\n']);
  assert.strictEqual((await exec.inspect()).ExitCode, 5);
  const input = await web.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
  const stream = await input.start({ hijack: true, stdin: true });
  stream.end('typed');
  assert.deepStrictEqual(await collect(stream), ['typed', '']);
  const logs = await web.logs({ follow: true, stdout: true, tail: 1 });
  await new Promise((resolve) => { logs.once('data', resolve); });
  logs.destroy();
  assert((await web.stats({ stream: false })).memory_stats.usage > 0);
  assert.strictEqual((await docker.listContainers({ filters: { label: ['a=b'] } })).length, 1);
  await web.stop({ t: 1 });
  await web.remove();
  const events = await docker.getEvents({
    since: started, until: Math.floor(Date.now() / 1000) + 1, filters: { type: ['container'], container: ['dode'] },
  });
  let lines = '';
  for await (const data of events) lines += data;
  const actions = lines.trim().split('\n').map((line) => JSON.parse(line).Action);
  for (const action of ['create', 'start', 'kill', 'die', 'stop', 'destroy']) assert(actions.includes(action), `${action} in ${actions}`);
  await assert.rejects(docker.getContainer('nobody').inspect(), (error) => error.statusCode === 404);
  console.log('fine');
}

main().catch((error) => { console.error(error); process.exit(1); });
