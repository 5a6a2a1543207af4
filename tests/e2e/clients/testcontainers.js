// A test that uses testcontainers, against the daemon of DOCKER_HOST. Prints "fine" at the end.
const assert = require('assert');
const { GenericContainer, Network, Wait } = require('testcontainers');

async function main() {
  const network = await new Network().start();
  const web = await new GenericContainer('bb:latest')
    .withCommand(['sh', '-c', 'echo starting; httpd -f -p 8000 -h /etc'])
    .withExposedPorts(8000).withNetwork(network).withNetworkAliases('web')
    .withEnvironment({ MODE: 'test' })
    .withCopyContentToContainer([{ content: 'copied', target: '/tmp/copied' }])
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const answer = await fetch(`http://${web.getHost()}:${web.getMappedPort(8000)}/passwd`);
  assert.strictEqual(answer.status, 200);
  assert.match(await answer.text(), /^root:/);
  const exec = await web.exec(['sh', '-c', 'cat /tmp/copied; echo $MODE']);
  assert.deepStrictEqual([exec.exitCode, exec.output], [0, 'copiedtest\n']);
  const other = await new GenericContainer('bb:latest').withNetwork(network)
    .withCommand(['sh', '-c', 'wget -q -O - http://web:8000/group && echo READY && sleep 100'])
    .withWaitStrategy(Wait.forLogMessage('READY')).start();
  await other.stop();
  await web.stop();
  await network.stop();
  console.log('fine');
}

main().catch((error) => { console.error(error); process.exit(1); });
