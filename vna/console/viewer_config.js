// How the viewer finds this node: everything is relative to where this very file was loaded from,
// so that it is right under any name, port and path prefix.
(function () {
  'use strict';
  const root = new URL('.', document.currentScript.src);
  const dicomWeb = new URL('../dicom-web', root).href;

  window.PUBLIC_URL = root.pathname;
  window.browserImportFunction = name => import(new URL(name.replace(/^\//, ''), root).href);

  window.config = {
    name: 'vna-node',
    routerBasename: root.pathname,
    extensions: [],
    modes: [],
    // the tour would cover the image at the first visit
    customizationService: { 'ohif.tours': { $set: [] } },
    showStudyList: true,
    maxNumberOfWebWorkers: 3,
    showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: true,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    groupEnabledModesFirst: true,
    investigationalUseDialog: { option: 'configure', days: 365 },
    showErrorDetails: 'production',
    // a browser opens six connections to a server that speaks HTTP/1.1
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 10 },
    defaultDataSourceName: 'vna',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'vna',
        configuration: {
          friendlyName: 'This archive',
          name: 'vna',
          qidoRoot: dicomWeb,
          wadoRoot: dicomWeb,
          wadoUriRoot: dicomWeb + '/wado',
          qidoSupportsIncludeField: true,
          supportsFuzzyMatching: true,
          supportsWildcard: true,
          supportsReject: false,
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          dicomUploadEnabled: true,
          singlepart: 'bulkdata,video,pdf',
          bulkDataURI: { enabled: true },
          omitQuotationForMultipartRequest: true,
        },
      },
    ],
    httpErrorHandler: error => console.warn('request failed with status ' + error.status),
  };
})();
