// dcmjs-dimse on the command line; the arguments are those that stacks/driven.py describes.
'use strict';

const fs = require('fs');
const path = require('path');
const dimse = require('dcmjs-dimse');
const { Client, Scp, Server, requests, responses, constants } = dimse;
const { PresentationContextResult, Status } = constants;

dimse.log.setLevel('error');

// It names the deflated syntax but does not inflate.
const KNOWN_SYNTAXES = Object.values(constants.TransferSyntax).filter(
  (uid) => uid !== constants.TransferSyntax.DeflatedExplicitVRLittleEndian
);

// Send requests on one association. Resolves with the final status of each, and rejects when it breaks.
function exchange([host, port, calling, called], all, { pending = () => {}, stored = null } = {}) {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const statuses = [];
    all.forEach((request) => {
      request.on('response', (response) => {
        if (response.getStatus() === Status.Pending) {
          pending(response, client, request);
        } else {
          statuses.push(response.getStatus());
        }
      });
      client.addRequest(request);
    });
    if (stored) {
      client.on('cStoreRequest', stored);
    }
    client.on('networkError', reject);
    client.on('associationRejected', (result) => reject(new Error('rejected: ' + JSON.stringify(result))));
    client.on('closed', () => resolve(statuses));
    client.send(host, Number(port), calling, called);
  });
}

async function expectSuccess(address, all, options) {
  const statuses = await exchange(address, all, options);
  if (statuses.length !== all.length || statuses.some((status) => status !== Status.Success)) {
    throw new Error('final statuses: ' + statuses.map((status) => status.toString(16)));
  }
}

// Take a data set into a file named after its SOP Instance UID, then answer.
function keepIn(folder) {
  return (request, callback) => {
    const response = responses.CStoreResponse.fromRequest(request);
    const file = path.join(folder, request.getAffectedSopInstanceUid());
    request.getDataset().toFile(file, (error) => {
      response.setStatus(error ? Status.ProcessingFailure : Status.Success);
      callback(response);
    });
  };
}

function plain(value) {
  if (Array.isArray(value)) {
    return value.map(plain).join('\\');
  }
  if (value && typeof value === 'object') {
    return ['Alphabetic', 'Ideographic', 'Phonetic'].map((group) => value[group] || '').join('=').replace(/=+$/, '');
  }
  return value === undefined || value === null ? '' : String(value);
}

function find(address, level, charset, keys) {
  const elements = charset ? { SpecificCharacterSet: charset.split('\\') } : {};
  keys.forEach((key) => {
    const at = key.indexOf('=');
    const values = key.slice(at + 1).split('\\');
    elements[key.slice(0, at)] = values.length > 1 ? values : values[0];
  });
  const make = {
    STUDY: requests.CFindRequest.createStudyFindRequest,
    SERIES: requests.CFindRequest.createSeriesFindRequest,
    IMAGE: requests.CFindRequest.createImageFindRequest,
  }[level];
  const pending = (response) => {
    const found = response.getDataset().getElements();
    const lines = Object.keys(found).filter((keyword) => !keyword.startsWith('_'));
    process.stdout.write(lines.map((keyword) => keyword + '=' + plain(found[keyword]) + '\n').join('') + '\n');
  };
  return expectSuccess(address, [make(elements)], { pending });
}

class FileStore extends Scp {
  associationRequested(association) {
    association.getPresentationContexts().forEach(({ id }) => {
      const context = association.getPresentationContext(id);
      const known = context.getTransferSyntaxUids().filter((uid) => KNOWN_SYNTAXES.includes(uid));
      if (known.length) {
        context.setResult(PresentationContextResult.Accept, known[0]);
      } else {
        context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      }
    });
    this.sendAssociationAccept();
  }

  cStoreRequest(request, callback) {
    FileStore.keep(request, callback);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

const commands = {
  echo: (...address) => expectSuccess(address, [new requests.CEchoRequest()]),
  send: (host, port, calling, called, ...files) =>
    expectSuccess([host, port, calling, called], files.map((file) => new requests.CStoreRequest(file))),
  find: (host, port, calling, called, model, level, charset, ...keys) =>
    find([host, port, calling, called], level, charset, keys),
  get: (host, port, calling, called, folder, study) => {
    const request = requests.CGetRequest.createStudyGetRequest(study);
    request.setAddStorageSopClassesToAssociation(true);
    return expectSuccess([host, port, calling, called], [request], { stored: keepIn(folder) });
  },
  'cancel-find': async (host, port, calling, called, series, study, after) => {
    const request = requests.CFindRequest.createImageFindRequest({ StudyInstanceUID: study, SeriesInstanceUID: series });
    let answers = 0;
    const pending = (response, client) => {
      answers += 1;
      if (answers === Number(after)) {
        client.cancel(request);
      }
    };
    const [status] = await exchange([host, port, calling, called], [request], { pending });
    process.stdout.write(status.toString(16));
  },
  move: (host, port, calling, called, destination, study) =>
    expectSuccess([host, port, calling, called], [requests.CMoveRequest.createStudyMoveRequest(destination, study)]),
  listen: async (port, title, folder) => {
    FileStore.keep = keepIn(folder);
    new Server(FileStore).listen(Number(port));
  },
};

const [command, ...rest] = process.argv.slice(2);
commands[command](...rest).catch((error) => {
  process.stderr.write(String((error && error.stack) || error) + '\n');
  process.exitCode = 1;
});
